"""integration.combined-load: records that get another one's answer or master data, and desks that are sound."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from plants.order_desk import CUSTOMERS, Joins, OrderDesk, as_it_is, declared, orders, table_of_customers
from plants.real_trial import RealTrial
from plants.server import Server
from power.family import Family, judged
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.integration.combined_load import CHECK
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

_WORLDS = 12
_POLICY = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 4.0})


def _caught(desk: Callable[[int], OrderDesk]) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        with tempfile.TemporaryDirectory() as folder, Server(desk(seed)) as server:
            plain = declared(server.url, table_of_customers(Path(folder)))
            system = System.model_validate(plain).model_copy(update={"policy": _POLICY})
            with RealTrial(system, files={"orders.jsonl": orders(seed)}, base_dir=Path(folder), seed=seed) as trial:
                return judged(CHECK, system, CHECK.run(system, trial)) is not Outcome.MET

    return caught


def _family(name: str, desk: Callable[[int], OrderDesk], *, harmful: bool = True) -> Family:
    return Family(
        requirement="integration.combined-load",
        name=name,
        harmful=harmful,
        caught=_caught(desk),
        worlds=_WORLDS,
        times=True,
    )


def _joining(joins: Callable[[int], Joins]) -> Callable[[int], OrderDesk]:
    return lambda seed: OrderDesk(joins=joins(seed))


def _neighbour(seed: int) -> Joins:
    """One customer gets the distance of the next one."""
    own, next_ = f"C{seed % 40:03}", f"C{(seed + 1) % 40:03}"
    return lambda _, customer: CUSTOMERS[next_ if customer == own else customer]


def _in_miles(seed: int, *, from_: int = 20) -> Joins:
    """Five customers are kept in another unit; `from_` 0 those whose orders are put in most often."""
    few = {f"C{(seed + from_ + at) % 40:03}" for at in range(5)}
    return lambda _, customer: CUSTOMERS[customer] / (1.609 if customer in few else 1.0)


def _now_and_then(seed: int) -> Joins:
    """One order in ten to fifteen gets the distance of another customer."""
    every = 10 + seed % 6
    return lambda at, customer: CUSTOMERS[customer] if at % every else CUSTOMERS[f"C{(at + 1) % 40:03}"]


FAMILIES = (
    _family("a cache that leaves the kind out", lambda _: OrderDesk(by=("customer", "pieces"))),
    _family("a cache that leaves the pieces out", lambda _: OrderDesk(by=("customer", "kind"))),
    _family("a cache by the customer alone", lambda _: OrderDesk(by=("customer",))),
    _family("one customer's distance is the next one's", _joining(_neighbour)),
    _family("the distance of five customers of forty is in another unit", _joining(_in_miles)),
    _family("the distance of the five busiest is in another unit", _joining(lambda seed: _in_miles(seed, from_=0))),
    _family("one order in ten to fifteen gets another customer's distance", _joining(_now_and_then)),
    _family("each order answered for itself", lambda _: OrderDesk(), harmful=False),
    _family("a cache by every input", lambda _: OrderDesk(by=("pieces", "kind", "distance")), harmful=False),
    _family("an entry that refuses orders that cannot be", lambda _: OrderDesk(refuses=True), harmful=False),
    _family(
        "a distance handed over as text",
        _joining(lambda _: lambda at, customer: f"{as_it_is(at, customer):.1f}"),
        harmful=False,
    ),
)
