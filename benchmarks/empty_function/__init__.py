"""The function app that Roundhouse is held against inside the Functions runtime."""
