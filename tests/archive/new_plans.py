"""Plans of every kind over the space of ``new_images``."""

from medneg.values import EncoderCard, InputSpec, Linear, LogProbability, Plan, Repulsion, Space, Term
from tests.archive.new_images import SPACE, WIDTH, unit_vector

CARD = EncoderCard(
    name="toy",
    width=WIDTH,
    input=InputSpec(size=32),
    image_fingerprint=SPACE,
    text_fingerprint="toy-text",
    licence="",
    notice="",
)
MEAN = 0.4 * unit_vector(9998)
RESPONSES = {
    "cosine": (Linear(weight=1.0),),
    "repulsion": (Linear(weight=1.0), Repulsion(weight=0.7, bias=0.1), Repulsion(weight=2.0, bias=-0.2)),
    "log-odds": (LogProbability(slope=9.0, intercept=-2.0), LogProbability(slope=-14.0, intercept=3.0)),
}


def plan_of(*responses, mean=None):
    terms = tuple(
        Term(direction=unit_vector(5000 + number), response=response, label=str(number))
        for number, response in enumerate(responses)
    )
    return Plan(terms=terms, space=Space(image_fingerprint=SPACE, mean=mean))
