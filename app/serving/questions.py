"""What a search request may say: one description that checks requests and is published as OpenAPI."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from app.serving.refusals import Refusal
from medneg.scoring import SpaceName
from medneg.search import DEFAULT_METHOD, DEFAULT_SPACE

MOST_BYTES = 64 * 1024
BODY_SECONDS = 10
"""How long the body of a request may take to arrive."""

Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(max_length=200)]


class Question(BaseModel):
    """A search request."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    query: Text = Field(description='In words: "effusion but no calcification".')
    method: Name = Field(DEFAULT_METHOD, description="A scoring method; see docs/reference/methods.md.")
    space: SpaceName = Field(DEFAULT_SPACE, description="Where embeddings are compared.")
    k: int = Field(10, ge=1, le=200, description="How many hits.")
    where: Text | None = Field(None, description='Which images may be hits: "view=PA, age>=60".')
    exclude_risk: float | None = Field(
        None, gt=0, lt=1, description="Of what is shown, at most this share carries what is excluded."
    )
    encoder: Name | None = Field(None, description="One that the service offers; null for its first.")
    text_encoder: Name | None = Field(
        None, description="A text tower that the service offers; null for the encoder's own."
    )


async def read_question(request: Request) -> Question:
    """Read and check the body of a request.

    Raises:
        Refusal: if it is too large, too slow, no JSON, or says anything that no search knows.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Refusal(415, "not_json", "send the question as application/json")
    body = await _read_body(request)
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        raise Refusal(400, "invalid_request", _wrong(error)) from None


async def _read_body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    too_large = Refusal(413, "too_large", f"a request has at most {MOST_BYTES:,} bytes")
    if announced.isdecimal() and int(announced[:12]) > MOST_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the request took more than {BODY_SECONDS} seconds") from None
    return bytes(body)


def _wrong(error: ValidationError) -> str:
    """The first few things that are wrong, without the values that were sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:3]
    return "; ".join(f"{'.'.join(map(str, each['loc']))[:80] or 'body'}: {each['msg']}" for each in found)
