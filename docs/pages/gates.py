"""The pages of what is demanded: requirements, and the policy behind the limits."""

from __future__ import annotations

from docs.pages.blocks import anchor, doc, page, table


def requirements_page() -> str:
    """`requirements.md`."""
    from seatrial.app.folder.catalogue import checks
    from seatrial.gate.catalogue import EVERY, PRODUCTION_READINESS
    from seatrial.gate.gates import GATES
    from seatrial.present.words import DOMAIN_TITLES, ROLE_TITLES
    from seatrial.spec.policy import Policy

    able = {check.requirement for check in checks() if not check.supplements}
    blocks = [
        "# Requirements",
        (
            f"The production-readiness gate has {len(PRODUCTION_READINESS)} requirements. GO needs every one of them. "
            "Those that no check of this version establishes are a gap in every verdict. Three gates stand on a "
            "system's way; each judges the same evidence, and what is signed or decided at one counts at no other."
        ),
        table(
            ("gate", "what it asks", "demands", "its review stands before the day"),
            (
                (
                    f"`{gate.name.value}`",
                    gate.question,
                    f"{len(gate.requirements)} requirements"
                    + "".join(f"; `{key}` {limit:g}" for key, limit in gate.limits.items()),
                    "{} to {} days".format(*gate.review_window(Policy())),
                )
                for gate in GATES.values()
            ),
        ),
        table(
            ("requirement", "the question", "established by a check"),
            ((f"[`{r.id}`](#{anchor(r.id)})", r.question, "yes" if r.id in able else "not yet") for r in EVERY),
        ),
    ]
    for row in EVERY:
        facts: list[tuple[str, object]] = [
            ("domain", DOMAIN_TITLES[row.domain]),
            ("demanded at", ", ".join(g.title.lower() for g in GATES.values() if row in g.requirements)),
            ("why", row.why),
            ("established by", row.establishes),
            ("demands", ", ".join((row.demands.value, *(f"with {c.value}" for c in row.complements)))),
            ("holds for", f"{row.lease_days:g} days"),
            ("rests on", ", ".join(f"`{part}`" for part in row.rests_on)),
            ("reviewed by", ROLE_TITLES[row.reviewer]),
            ("may not apply", "yes, when two people agree" if row.may_be_not_applicable else "no, it always applies"),
            ("may be waived", "only by a policy that names it; the default policy has no waivers")
            if row.may_be_waived
            else ("may be waived", "never"),
            ("after", ", ".join(f"`{r}`" for r in row.after) or "nothing"),
            ("remedy", f"{row.remedy} About {row.effort_days:g} working days."),
            ("check", f"[`{row.id}`](checks.md#{anchor(row.id)})" if row.id in able else "none in this version"),
        ]
        blocks += [f"## {row.id}", row.question, table(("", ""), facts)]
    return page(*blocks)


def policy_page() -> str:
    """`policy.md`."""
    from seatrial.core.vocabulary import Criticality
    from seatrial.spec import policy
    from seatrial.spec.section import attribute_docstrings

    policies = {criticality.value: policy.policy_for(criticality) for criticality in Criticality}
    demo = policy.short_demo(Criticality.OPERATIONAL)
    meanings = attribute_docstrings(policy.Policy)
    rows = [
        (
            f"`{name}`",
            *(_value(getattr(p, name), name) for p in policies.values()),
            _value(getattr(demo, name), name),
            meanings.get(name, ""),
        )
        for name in policy.Policy.model_fields
        if name not in ("name", "leases", "waivers", "gates")
    ]
    at_gates = ", ".join(f"`{name}`" for name in policy.GateLimits.model_fields)
    return page(
        "# Policy",
        doc(policy),
        "The criticality of the system chooses the column. `short-demo` is for showing: it is marked, and no verdict "
        "under it can be GO.",
        table(("value", *policies, "short-demo", "meaning"), rows),
        "## Limits of a gate",
        doc(policy.GateLimits),
        f"They stand under `gates`, by the name of the gate: {at_gates}. At a gate the strictest counts: of the "
        "product, of the policy, and of what it says for that gate.",
    )


def _value(value: object, name: str) -> str:
    from seatrial.spec.policy import Policy

    if isinstance(value, tuple):
        return " to ".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower()
    return f"{value:g} s" if Policy.in_seconds(name) else f"{value:g}"
