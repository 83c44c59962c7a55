"""What the accuracy on unlabelled rows would be, if the scores still mean what they meant on the labelled ones.

Confidence-based estimation: with calibrated chances p the share of right answers is the mean chance that each answer is
right, and every count of the confusion matrix is a sum of chances. Assumption: the label depends on the inputs as
before, and only their mix moved. Guarantee: none; under a changed relation between inputs and label every such estimate
is blind (Garg et al., ICLR 2022), so that it may warn and can never establish anything. Source: NannyML's CBPE as in
Bialek et al., arXiv 2401.08348 (2024); ATC from Garg et al.; difference of confidences from Guillory et al., ICCV 2021.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


def calibrated(score: _Floats, positive: _Flags, asked: _Floats) -> _Floats:
    """Chances for the asked scores, by isotonic regression on labelled ones.

    >>> import numpy as np
    >>> calibrated(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), np.array([0.15, 0.85]))
    array([0., 1.])
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score, positive.astype(np.float64))
    chance: _Floats = np.asarray(fitted.predict(asked), dtype=np.float64)
    return chance


def expected_counts(chance: _Floats, flagged: _Flags) -> tuple[float, float, float, float]:
    """Expected true positives, false positives, true negatives and false negatives.

    >>> import numpy as np
    >>> expected_counts(np.array([0.75, 0.25]), np.array([True, False]))
    (0.75, 0.25, 0.75, 0.25)
    """
    true_positive, flags = float(chance[flagged].sum()), int(flagged.sum())
    false_negative = float(chance[~flagged].sum())
    rest = int((~flagged).sum())
    return true_positive, flags - true_positive, rest - false_negative, false_negative


def cbpe_accuracy(chance: _Floats, flagged: _Flags) -> float:
    """The expected share of right answers.

    >>> import numpy as np
    >>> round(cbpe_accuracy(np.array([0.9, 0.2]), np.array([True, False])), 2)
    0.85
    """
    return float(np.where(flagged, chance, 1.0 - chance).mean())
