"""Fields of a configuration without effect."""

from __future__ import annotations

from fit_image.config.encoding_spec import GridSpec, parse_encoding
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import parse_init
from fit_image.config.registry import ACTIVATIONS, activations_with
from fit_image.nn.initializers import rules


def unused_fields(fit: FitConfig) -> dict[str, str]:
    """Return the fields that have no effect on the network, each with the reason."""
    names = rules(fit.activations, parse_init(fit.init)[0])
    used = {field for activation in fit.activations for field in ACTIVATIONS[activation].fields}
    if "omega" in ACTIVATIONS[fit.activations[0]].fields:
        used.add("first_omega")
    if "siren" in names:
        used.add("omega")
    if "classic" in names:
        used.add("init_scale")
    if any(layer.activation is None for layer in fit.layers):
        used.add("activation")
    if isinstance(parse_encoding(fit.encoding), GridSpec):
        used.add("table_rate")
    if fit.lr_schedule != "constant" and fit.time_limit is not None:
        used.add("schedule_by")
    reasons = {
        "activation": "--layers names the activation of every layer",
        "omega": f"no layer is of {activations_with('omega')}",
        "first_omega": f"the first layer is not of {activations_with('omega')}",
        "scale": f"no layer is of {activations_with('scale')}",
        "slope": f"no layer is of {activations_with('slope')}",
        "init_scale": "no layer is initialised with --init classic",
        "table_rate": "--encoding has no tables",
        "schedule_by": (
            "--lr-schedule is constant"
            if fit.lr_schedule == "constant"
            else "there is no --time-limit"
        ),
    }
    return {name: reason for name, reason in reasons.items() if name not in used}
