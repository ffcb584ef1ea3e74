"use strict"; // Azurite saves every five seconds. What was stored must outlive a SIGKILL that comes sooner.
const Loki = require("./node_modules/lokijs");
const enable = Loki.prototype.autosaveEnable;

Loki.prototype.autosaveEnable = function (options, callback) {
  this.autosaveInterval = 200; // milliseconds; only what changed since is written
  return enable.call(this, options, callback);
};
