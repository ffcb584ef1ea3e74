"""The door of the Functions host: one HTTP function for each plane, and the timers. No logic lives here."""

import azure.functions as func

from gateway.functions.door import Door, add_plane

# ANONYMOUS means that the host asks for no function key. The gateway checks every call itself, and no OpenAI SDK
# could send such a key.
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
door = Door()

# All planes lead to the same app, which routes by path. They are separate functions for the platform's sake: its
# metrics, logs and switches are per function.
add_plane(app, "management", "api/v1/management/{*path}", door.gateway)
add_plane(app, "endpoints", "api/3.0/mlflow/gateway/{*path}", door.gateway)
add_plane(app, "health", "health/{*path}", door.gateway)
add_plane(app, "data", "{*path}", door.gateway)


# A worker that serves requests keeps its own registry fresh. The timer's use is a deployment nobody has called yet:
# within a minute its tables and its first management token are there. No monitor: a missed minute needs no repair.
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *", use_monitor=False)
async def refresh_registry(timer: func.TimerRequest) -> None:
    """Bring the registry up to date, once a minute."""
    await door.gateway().refresh()


# Twice a minute: an event waits half that on average. Each run of a timer is billed a second of an instance's memory at
# least, so with 2 GB this one alone is more than the platform gives for free (docs/scale.md).
@app.timer_trigger(arg_name="timer", schedule="15,45 * * * * *", use_monitor=False)
async def deliver_webhooks(timer: func.TimerRequest) -> None:
    """Deliver the events that are due to the webhooks that want them."""
    await door.gateway().deliver_webhooks()
