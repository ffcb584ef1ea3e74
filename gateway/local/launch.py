"""The local run, from its signal handlers to its last child: start, watch, register, end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from dataclasses import asdict, replace

import aiohttp

from gateway.local import announce
from gateway.local.azurite import start_azurite
from gateway.local.child import Child, Children, Role
from gateway.local.demo import load_sdk, start_simulator
from gateway.local.errors import CannotStart
from gateway.local.management import ManagementRefused
from gateway.local.options import Options
from gateway.local.port import listen, url_of
from gateway.local.registration import NotYet, Registered, Registration
from gateway.local.state import LocalFile, State
from gateway.local.storage import StorageAddress, storage_address
from gateway.settings import Settings
from gateway.storage.seal import Seal
from gateway.storage.tables import connect

STOP_SECONDS = 3.0
RESTART_SECONDS = 1.0
RETRY_SECONDS = 0.5
SAY_SO_SECONDS = 3.0


async def launch(options: Options, settings: Settings) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. CannotStart or SettingError if that is impossible."""
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # nohup: it is to outlive its terminal
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    Seal.from_setting(settings.encryption_key)  # what is wrong with a setting is said here, not by every worker
    storage = storage_address(settings)
    if storage is not None:
        connect(settings)
    state = State(options.state_directory)
    lock = state.open(as_guest=storage is not None)
    children = Children()
    try:
        with listen(options.host, options.port) as listener:
            if lock is None:  # the gateway whose guest this one is keeps the demo and its ports
                options = replace(options, demo=False)
            if storage is not None and not storage.is_local and settings.encryption_key is None:
                announce.no_encryption_key()
                options = replace(options, demo=False)
            announce.starting(storage, state.azurite_data, options.demo)
            settings = replace(settings, log_level=options.log_level)
            run = asyncio.create_task(_Run(options, settings, state, children, listener, is_guest=lock is None).serve())
            stop = asyncio.create_task(told_to_stop.wait())
            await asyncio.wait((run, stop), return_when=asyncio.FIRST_COMPLETED)
            if told_to_stop.is_set():
                announce.stopping()
            run.cancel()
            stop.cancel()
            await asyncio.gather(run, stop, return_exceptions=True)
    finally:
        await children.stop(STOP_SECONDS)
        if lock is not None:
            os.close(lock)
    if not told_to_stop.is_set():  # Ctrl-C reaches what a start asks of the machine too, and fails it
        run.result()


class _Run:
    """What one run starts and watches."""

    def __init__(
        self,
        options: Options,
        settings: Settings,
        state: State,
        children: Children,
        listener: socket.socket,
        is_guest: bool,
    ) -> None:
        self.options = options
        self.settings = settings
        self.state = state
        self.children = children
        self.listener = listener
        self.url = url_of(listener)
        self.is_guest = is_guest
        self.is_configured = asyncio.Event()
        self.is_up = False

    async def serve(self) -> None:
        """Start everything and watch it; returns never, raises CannotStart."""
        try:
            async with asyncio.TaskGroup() as tasks:
                # All of these take a while to load, so they do it side by side.
                for _ in range(self.options.workers):
                    tasks.create_task(self._keep_worker())
                if self.options.demo:
                    upstream = tasks.create_task(start_simulator(self.children, self.state))
                    tasks.create_task(load_sdk())
                storage = await self._open_storage(tasks)
                self.is_configured.set()
                await self._register(storage, await upstream if self.options.demo else None)
        except* CannotStart as refusals:
            raise refusals.exceptions[0] from None

    async def _open_storage(self, tasks: asyncio.TaskGroup) -> StorageAddress:
        """The storage that the settings name, else Azurite's; completes the settings."""
        storage = storage_address(self.settings)
        if storage is None:
            azurite, connection = await start_azurite(self.children, self.state)
            if azurite is None:
                announce.azurite_found(connection)
            else:
                tasks.create_task(_watch(azurite))
            self.settings = replace(self.settings, storage_connection=connection)
            storage = StorageAddress(connection, connection, is_local=True)
        if self.settings.encryption_key is None and storage.is_local:
            self.settings = replace(self.settings, encryption_key=self.state.encryption_key())
        return storage

    async def _keep_worker(self) -> None:
        """Have one serving process, and another one when it ends."""
        descriptor = self.listener.fileno()
        command = [sys.executable, "-m", "gateway.local.worker", str(descriptor)]
        while True:
            worker = await self.children.start(Role.WORKER, command, descriptors=[descriptor])
            await self.is_configured.wait()
            worker.tell(json.dumps(asdict(self.settings)))
            code = await worker.ended()
            if not self.is_up:
                raise CannotStart(f"a serving process ended ({announce.end(code)}) before it served; see above")
            announce.worker_ended(worker.pid, code)
            await asyncio.sleep(RESTART_SECONDS)

    async def _register(self, storage: StorageAddress, upstream: str | None) -> None:
        """Register what is missing, as soon as storage allows; write and say what opens the gateway."""
        async with aiohttp.ClientSession() as session:
            registration = Registration(session, self.url, self.settings, self.options.workers)
            await registration.gateway_is_up()
            self.is_up = True
            announce.serving(self.url)
            try:
                registered = await self._registered(registration, storage, upstream)
            except ManagementRefused as refusal:
                announce.refused(refusal)
                return
            local = LocalFile(self.url, registered.management_token, registered.api_key, storage.text)
            guest_port = self.listener.getsockname()[1] if self.is_guest else None
            announce.ready(local, storage, self.state.remember(local, guest_port))
            if upstream is not None:
                announce.demo(upstream, await registration.demo(registered))

    async def _registered(
        self, registration: Registration, storage: StorageAddress, upstream: str | None
    ) -> Registered:
        loop = asyncio.get_running_loop()
        say_so_at = loop.time() + SAY_SO_SECONDS
        last = self.state.remembered()
        while True:
            try:
                return await registration.register(last.api_key if last else None, upstream)
            except NotYet as reason:
                if loop.time() > say_so_at:
                    announce.waiting(storage, reason)
                    say_so_at = float("inf")
                await asyncio.sleep(RETRY_SECONDS)


async def _watch(azurite: Child) -> None:
    """Say so if Azurite ends. It is not started again: the gateway serves on, and how long is worth seeing."""
    announce.azurite_ended(await azurite.ended(), azurite.command_line)
