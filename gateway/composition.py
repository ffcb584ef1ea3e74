"""All that one process of the gateway holds, wired: settings and tables in, planes out."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from gateway.asgi import App
from gateway.limits.rates import Rates
from gateway.proxy.admission import Admission
from gateway.proxy.attempt import Attempter
from gateway.proxy.collections import Keeper
from gateway.proxy.endpoints import EndpointWatch
from gateway.proxy.foresight import foresee
from gateway.proxy.inner_call import inner_call
from gateway.proxy.listing import Things
from gateway.proxy.metered import Meter
from gateway.proxy.probe import probe
from gateway.proxy.serve import DataPlane
from gateway.quotas.quotas import Quotas
from gateway.registry.deployments import Deployment
from gateway.registry.snapshot import Snapshot
from gateway.routing.cooldown import Cooldowns
from gateway.routing.router import Router
from gateway.settings import Settings
from gateway.storage.catalog import CatalogStore
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.deployments import DeploymentStore
from gateway.storage.endpoints import EndpointStore
from gateway.storage.outbox import Outbox
from gateway.storage.quotas import QuotaStore
from gateway.storage.refresh import Registry
from gateway.storage.rows import Tables
from gateway.storage.seal import Seal
from gateway.storage.tenant_models import TenantModelStore
from gateway.storage.tenants import TenantStore
from gateway.storage.things import ThingStore
from gateway.storage.usage import UsageStore
from gateway.storage.webhooks import WebhookStore
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens
from gateway.upstream.session import UpstreamSession
from gateway.upstream.target import Targets
from gateway.usage.pricer import Pricer
from gateway.usage.recorder import Recorder
from gateway.usage.reports import Reports
from gateway.usage.spill import spill_of
from gateway.vectors.collections import Collections
from gateway.webhooks.announcer import Announcer, DeploymentEvents

if TYPE_CHECKING:
    from gateway.webhooks.dispatcher import Dispatcher
    from gateway.webhooks.sender import Sender

# How often a process that delivers webhooks by itself looks for due ones.
DELIVERY_SECONDS = 5.0
EMBEDDINGS = "/v1/embeddings"


# The time, in UTC.
utc_now = partial(datetime.now, UTC)


class Composition:
    """The stores, the registry, the planes and their background work. Nothing connects or runs before `start`."""

    def __init__(self, settings: Settings, tables: Tables) -> None:
        self._settings = settings
        self._tables = tables
        instance = secrets.token_hex(4)
        seal = Seal.from_setting(settings.encryption_key)
        self._deployments = DeploymentStore(tables, seal)
        self._tenants = TenantStore(tables)
        self._endpoint_store = EndpointStore(tables, self._wanted)
        self._catalog = CatalogStore(tables, self._wanted)
        self._webhooks = WebhookStore(tables, seal)
        self.registry = Registry(
            tables,
            self._deployments,
            self._tenants,
            self._endpoint_store,
            settings.refresh_seconds,
            utc_now,
            closed=settings.unconfigured_tenants == "refuse",
            wanted_events=self._webhooks.wanted_events,
        )
        self._outbox = Outbox(tables)
        self._announcer = Announcer(self._outbox, self._wanted, utc_now)
        self._deliveries = DeliveryStore(tables)
        self._cooldowns = Cooldowns(
            time.monotonic,
            settings.cooldown_seconds,
            settings.cooldown_cap_seconds,
            DeploymentEvents(self._announcer, instance),
        )
        self.router = Router(self._cooldowns, Rates(time.monotonic), settings.max_attempts)
        self._session = UpstreamSession(settings.connect_seconds)
        self._tokens = EntraTokens()
        self._targets = Targets(settings.azure_api_version, self._tokens, GoogleTokens())
        self._attempter = Attempter(self._session, self._targets)
        self._endpoints = EndpointWatch()
        self._things = Things(ThingStore(tables), self.router, self._attempter)
        self._collections = Collections(tables, utc_now)
        self._pricer = Pricer(self._catalog, utc_now)
        usage = UsageStore(tables)
        self._recorder = Recorder(
            usage, self._pricer, spill_of(settings), utc_now, settings.usage_flush_seconds, instance=instance
        )
        self._reports = Reports(usage, self._recorder)
        self._quotas = Quotas(
            QuotaStore(tables),
            utc_now,
            when_storage_fails="allow" if settings.when_storage_fails == "allow" else "refuse",
            wanted=self._wanted,
            instance=instance,
        )
        self._admission = Admission(
            self._quotas,
            self._pricer,
            assumed_output=settings.assumed_output_tokens,
            unpriced_may_pass=settings.unpriced_models == "allow",
        )
        self.data = DataPlane(
            self.router,
            self._attempter,
            self._admission,
            Meter(self._recorder, self._pricer, utc_now),
            self._endpoints,
            self._things,
            Keeper(self._collections, settings.stream_idle_seconds),
            settings,
            utc_now,
        )
        self.registry.on_swap.append(self._swapped)
        self._background: list[asyncio.Task[None]] = []

    @cached_property
    def _sender(self) -> Sender:
        # It brings an HTTP client of its own, which a process that delivers nothing does without.
        from gateway.webhooks.sender import Sender

        return Sender(private_targets=self._settings.webhook_private_targets == "allow")

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Delivers what webhooks are due."""
        from gateway.webhooks.dispatcher import Dispatcher

        return Dispatcher(self._outbox, self._webhooks, self._deliveries, self._sender, utc_now)

    def _wanted(self) -> frozenset[str]:
        return self.router.snapshot.wanted_events

    def _swapped(self, snapshot: Snapshot) -> None:
        self.router.swap(snapshot)
        self._targets.forget()
        self._attempter.forget()
        self._admission.forget()

    @property
    def started(self) -> bool:
        """Whether the background work runs."""
        return bool(self._background)

    def start(self) -> None:
        """Start the background work in the running loop."""
        if not self._background:
            loops = self.registry.run(), self._quotas.run(), self._recorder.run()
            self._background = [asyncio.create_task(each) for each in loops]

    def start_deliveries(self) -> None:
        """Deliver webhooks from this process too; where a platform's timer does that, it is not needed."""
        self._background.append(asyncio.create_task(self._deliver()))

    async def _deliver(self) -> None:
        await asyncio.sleep(DELIVERY_SECONDS)
        await self.dispatcher.run(DELIVERY_SECONDS)

    def management(self) -> App:
        """The management plane, made anew. FastAPI and pydantic are heavy; a process that only serves calls never loads
        them."""
        from gateway.management.app import create_management
        from gateway.management.context import ManagementContext, ProbeResult

        async def probe_deployment(deployment: Deployment) -> ProbeResult:
            status, latency_ms, error = await probe(self._attempter, deployment)
            return ProbeResult(ok=error is None, status=status, latency_ms=latency_ms, error=error)

        return create_management(
            ManagementContext(
                tables=self._tables,
                deployments=self._deployments,
                tenants=self._tenants,
                endpoints=self._endpoint_store,
                registry=self.registry,
                probe=probe_deployment,
                counts=self._endpoints.counts,
                resting=self._cooldowns.remaining,
                foresee=partial(foresee, self.router),
                usage=self._reports,
                webhooks=self._webhooks,
                deliveries=self._deliveries,
                sender=self._sender,
            )
        )

    def tenant_plane(self) -> App:
        """The tenant plane, made anew; as heavy as the management plane."""
        from gateway.tenant_plane.app import create_tenant_plane
        from gateway.tenant_plane.context import TenantContext

        return create_tenant_plane(
            TenantContext(
                settings=self._settings,
                tables=self._tables,
                catalog=self._catalog,
                tenants=self._tenants,
                tenant_models=TenantModelStore(self._tables),
                usage=self._reports,
                quotas=self._quotas,
                pricer=self._pricer,
                collections=self._collections,
                embed=lambda caller, body: inner_call(self.data, caller, EMBEDDINGS, body),
                snapshot=lambda: self.router.snapshot,
                refresh=partial(self.registry.refresh, force=True),
                clock=utc_now,
            )
        )

    async def settle(self) -> None:
        """Give back what is leased and write what was recorded. Calls that come later lease and record anew."""
        await self._quotas.close()
        await self._recorder.flush()

    async def close(self) -> None:
        """End the background work, give back what is leased, write what was recorded, let go of every connection."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._background = []
        await self._things.close()
        await self._quotas.close()
        await self._recorder.close()
        await self._announcer.close()
        await self._collections.close()
        if "_sender" in vars(self):
            await self._sender.close()
        await self._session.close()
        await self._tokens.close()
        await self._tables.close()
