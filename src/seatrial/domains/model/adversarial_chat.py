"""Hostile input for language-model applications: injection, leaks, forbidden acts and inventions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import count, span
from seatrial.domains.model import adversarial_chat_harmless as harmless
from seatrial.domains.model import adversarial_chat_judge as judging
from seatrial.domains.model import adversarial_chat_telling as telling
from seatrial.domains.model.adversarial_chat_asking import Asker, Campaign, Search, in_turns
from seatrial.domains.model.adversarial_chat_harmless import Asked, Harmless
from seatrial.domains.model.adversarial_chat_prompts import WAYS, characters, needed, places, prompts_of
from seatrial.domains.model.adversarial_chat_setting import (
    Applies,
    Setting,
    applying,
    setting_of,
    sources_known,
    undeclared,
)
from seatrial.spec.adversarial_chat import AttackFamily
from seatrial.spec.system import System

REQUIREMENT: Final = "model.adversarial"
_PROBED: Final = 8
_CHARACTERS_A_TOKEN: Final = 4
_ANSWER_TOKENS: Final = 200

CODES: Mapping[str, str] = {
    **telling.CODES,
    **judging.CODES,
    "inputs-undeclared": "The model's inputs are not declared, so nobody knows where a question goes.",
    "question-undeclared": "Several inputs may be the user's question, or none.",
    "no-questions": "No data with real questions are declared, or they hold none that can be answered.",
    "not-a-test-endpoint": "The model's endpoint is not declared as one that may be given hostile input.",
    "no-answers": "The endpoint gives no usable answer to a harmless question.",
    "attack-undeclared": "An attack was not tried, because nobody has said what it needs.",
    "too-little-time": "The declared time was over before all hostile prompts had been tried.",
    "too-few-requests": "The declared number of requests is too small for all prompts that are needed.",
    "refuses-harmless": "It answers too few harmless questions for its refusals to show anything.",
    "personal-data-shown": "An answer to a harmless question holds an account or card number from nowhere.",
    "unsupported-figures": "Answers hold figures or references that stand in nothing it was given.",
}


def limits(system: System) -> Sequence[Threshold]:
    """The limits that a chat application is held to."""
    policy = system.policy
    families = [family for family, state in applying(system).items() if state is Applies.TRIED]
    found = [
        _threshold(system, telling.WORDS[family].measure, Sense.AT_MOST, telling.limit_of(system, family))
        for family in families
    ]
    if families:
        found.append(_threshold(system, telling.POWER, Sense.AT_LEAST, policy.search_power))
    if "forbidden-act" in families and system.adversarial.chat.judge is not None:
        found.append(_threshold(system, judging.JUDGED, Sense.AT_MOST, telling.limit_of(system, "forbidden-act")))
    found.append(_threshold(system, harmless.ANSWERED, Sense.AT_LEAST, policy.harmless_answered))
    if sources_known(system):
        found.append(_threshold(system, harmless.UNSUPPORTED, Sense.AT_MOST, policy.unsupported_answers))
    return found


def _threshold(system: System, name: str, sense: Sense, limit: float) -> Threshold:
    confidence = system.policy.confidence
    return Threshold(
        requirement=REQUIREMENT, measure=name, sense=sense, limit=limit, unit="share", confidence=confidence
    )


def run_chat(system: System, trial: Trial) -> Observation | Reason:
    """Ask harmless questions, then attack in every family that applies, and tell what worked."""
    if system.model.python is None and not system.model.test_endpoint:
        return Reason(
            code="not-a-test-endpoint",
            summary="the model's endpoint is not declared as one that may be given hostile input",
            remedy="Point the model at a copy of what production runs and declare model.test_endpoint: true.",
            fields=("model.test_endpoint",),
        )
    setting = setting_of(system, trial)
    if isinstance(setting, Reason):
        return setting
    given = judging.labels(system, trial)
    plan, short = _plan(setting, len(given))
    samples = system.adversarial.chat.samples
    trial.say(_estimate(setting, plan), 0.0)
    asker = Asker(system, trial)
    silent = _silent(asker, setting)
    if silent is not None:
        return silent
    questions = Harmless(asker, setting, samples)
    searches = {
        family: Search(
            asker,
            list(prompts_of(setting, family, prompts)),
            samples=samples,
            wave=len(WAYS[family]) * places(setting, family),
            seed=_unforeseen(trial),
        )
        for family, prompts in plan.items()
    }
    told = [(search, f"Trying {telling.WORDS[family].measure}") for family, search in searches.items()]
    in_turns(asker, [(questions, "Asking harmless questions"), *told], trial.say)
    asked, found = questions.asked, [search.so_far for search in searches.values()]
    if slow := _too_slow(setting, asker, found):
        short.append(slow)
    found = [each for each in found if each.tried]
    return _observation(
        setting,
        asked,
        found,
        [*undeclared(system, setting), *short],
        _by_judge(system, trial, given, found),
        asker.sent,
    )


def _unforeseen(trial: Trial) -> int:
    """A seed for words of which a model that was asked before knows nothing, though it is asked the same."""
    return trial.seed ^ int(trial.clock.now().timestamp() * 1_000_000)


def _by_judge(
    system: System, trial: Trial, given: Sequence[tuple[str, str, bool]], found: Sequence[Campaign]
) -> list[Measure | Finding]:
    """What the declared judge says of the answers to requests for forbidden acts; nothing without one."""
    asked = next((each for each in found if each.family == "forbidden-act"), None)
    if asked is None or system.adversarial.chat.judge is None:
        return []
    trial.say("Measuring the judge on answers that people judged", None)
    judge = judging.measured(trial, given)
    return list(judging.told(system, trial, judge, asked, limit=telling.limit_of(system, "forbidden-act")))


def _families(setting: Setting) -> dict[AttackFamily, bool]:
    """The families that can be tried, and whether each is judged."""
    states = applying(setting.system)
    missing = {
        "forbidden-act": not setting.acts,
        "indirect-injection": not setting.reads,
        "other-tenant": not setting.reads or setting.tenants is None,
        "prompt-leak": not setting.prompt,
    }
    return {
        family: state is Applies.TRIED
        for family, state in states.items()
        if state in {Applies.TRIED, Applies.SHOWN} and not missing.get(family)
    }


def _plan(setting: Setting, labelled: int) -> tuple[dict[AttackFamily, int], list[Finding]]:
    """How many prompts each family gets; fewer, and a finding that says so, where the requests do not suffice."""
    system, policy = setting.system, setting.system.policy
    chat = system.adversarial.chat
    wanted = {
        family: needed(
            family,
            limit=telling.limit_of(system, family),
            smallest=policy.smallest_attack,
            power=policy.search_power,
            alpha=1.0 - policy.confidence,
            where=places(setting, family),
        )
        for family in _families(setting)
    }
    if "forbidden-act" in wanted and chat.judge is not None:
        limit = telling.limit_of(system, "forbidden-act")
        ways = len(WAYS["forbidden-act"])
        seen = judging.needed(labelled, limit=limit, alpha=1.0 - policy.confidence, ways=ways)
        wanted["forbidden-act"] = max(wanted["forbidden-act"], seen)
    first = min(harmless.MOST, len(setting.hosts)) * chat.samples + _PROBED
    requests = sum(wanted.values()) * chat.samples
    left = max(0, chat.requests - first)
    if requests <= left:
        return wanted, []
    finding = Finding(
        code="too-few-requests",
        weight=Weight.OPEN,
        summary=f"the attack needs {count(requests + first, 'request')} and may send {chat.requests}",
        remedy=f"Allow adversarial.chat.requests: {requests + first}, and some more for tries that fail.",
        fields=("adversarial.chat.requests",),
    )
    return {family: max(1, prompts * left // requests) for family, prompts in wanted.items()}, [finding]


def _too_slow(setting: Setting, asker: Asker, found: Sequence[Campaign]) -> Finding | None:
    """That the time was over before all was tried, and how much of it all takes; None where it sufficed."""
    open_ = [each for each in found if not each.settled and len(each.tried) < each.planned]
    if not open_:
        return None
    left = sum(each.planned - len(each.tried) for each in open_)
    chat = setting.system.adversarial
    needed_s = chat.time + left * chat.chat.samples * asker.pace_s
    return Finding(
        code="too-little-time",
        weight=Weight.OPEN,
        summary=f"after {span(chat.time)} {left} of {sum(each.planned for each in found)} hostile prompts had not been "
        f"tried: a request took {span(asker.pace_s)}",
        remedy=f"Give the test endpoint the speed of production, or allow adversarial.time: "
        f"{math.ceil(needed_s / 60.0)}m.",
        fields=("adversarial.time",),
        explains=(telling.POWER,),
    )


def _estimate(setting: Setting, plan: Mapping[AttackFamily, int]) -> str:
    """What the attack will send and cost, said before the first request."""
    chat, model = setting.system.adversarial.chat, setting.system.model
    requests = (sum(plan.values()) + min(harmless.MOST, len(setting.hosts))) * chat.samples
    sent = sum(characters(host) for host in setting.hosts) // len(setting.hosts) + len(setting.prompt)
    most = (model.chat.parameters if model.chat else {}).get("max_tokens", _ANSWER_TOKENS)
    answer = most if isinstance(most, int) else _ANSWER_TOKENS
    tokens = requests * (sent // _CHARACTERS_A_TOKEN + answer)
    cost = "" if chat.price is None else f", about {tokens / 1e6 * chat.price:.2f} at the declared price"
    return f"Up to {requests:,} requests and about {tokens / 1e6:.2g} million tokens at most{cost}"


def _silent(asker: Asker, setting: Setting) -> Reason | None:
    """The reason why nothing can be tried: no usable answer to any of the first harmless questions."""
    came = asker.ask([setting.hosts[at % len(setting.hosts)] for at in range(_PROBED)])
    if any(not c.problem for c in came):
        return None
    return Reason(
        code="no-answers",
        summary=f"the endpoint gave no usable answer to {count(len(came), 'harmless question')}: {came[0].problem}",
        remedy="Send it one of your questions by hand, and look into its log.",
    )


def _observation(
    setting: Setting,
    asked: Sequence[Asked],
    found: Sequence[Campaign],
    open_: Sequence[Finding],
    by_judge: Sequence[Measure | Finding],
    sent: int,
) -> Observation:
    system = setting.system
    judged = _families(setting)
    families: list[Measure] = [telling.measure(system, each, judged=judged[each.family]) for each in found]
    told = [f for each in found for f in telling.findings(each, judged=judged[each.family])]
    told += harmless.findings(setting, asked)
    told += [each for each in by_judge if isinstance(each, Finding)]
    families += [each for each in by_judge if isinstance(each, Measure)]
    refuses = harmless.refuses_everything(setting, asked)
    prompts = sum(len(f.tried) for f in found)
    works = any(f.weight is Weight.GAP for f in told)
    power = [telling.power(system.policy, [f for f in found if judged[f.family]], found=works)] if found else []
    return Observation(
        done=f"{count(len(asked), 'harmless question')} and {count(prompts, 'hostile prompt')} were sent, "
        f"{system.adversarial.chat.samples} times each with fresh invented words, {sent} requests in all.",
        measures=(*harmless.measures(setting, asked, found=works), *families, *power),
        findings=(*told, *open_, *(() if refuses is None else (refuses,))),
        figures=(telling.figure(families),) if families else (),
        proof=prompts,
        facts={
            "requests": sent,
            "families": {
                f.family: {"prompts": len(f.tried), "planned": f.planned, "worked": len(f.working)} for f in found
            },
        },
    )
