"""Reading a stream to its end, and knowing what end that was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Generic, TypeVar

import openai
from openai.types import Completion, CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import Self

from ._errors import Problem, problem_of
from ._meta import Meta, meta

Chunk = TypeVar("Chunk", ChatCompletionChunk, Completion)


class TruncatedStream(openai.OpenAIError):
    """A stream has ended before its answer had: what came so far is not a complete answer."""


def cut_of(answer: ChatCompletion | ChatCompletionChunk | Completion) -> Problem | None:
    """Why an answer ended early with `finish_reason: "length"` although it had `max_tokens` left: a limit
    was used up, or somebody waited for its guaranteed share. None: it was not cut."""
    why = (answer.model_extra or {}).get("sm_limit")
    return None if why is None else problem_of(why, {})


class _Seen(Generic[Chunk]):
    """What has been seen of a stream."""

    def __init__(self) -> None:
        self.usage: CompletionUsage | None = None
        """With `stream_options={"include_usage": True}`, at the end."""
        self.cut: Problem | None = None
        """Why it ended early."""
        self.finish_reasons: dict[int, str | None] = {}
        """Of each choice; None: it goes on."""

    def _note(self, chunk: Chunk) -> Chunk:
        for choice in chunk.choices:
            reason = choice.finish_reason or self.finish_reasons.get(choice.index)
            self.finish_reasons[choice.index] = reason
        self.usage = chunk.usage or self.usage
        self.cut = cut_of(chunk) or self.cut
        return chunk

    def _check_end(self) -> None:
        if not self.finish_reasons or None in self.finish_reasons.values():
            raise TruncatedStream("The stream has ended before its answer had: something on the way cut it off.")


class Reading(_Seen[Chunk]):
    """Iterates over `stream`; raises TruncatedStream where the SDK would just stop."""

    def __init__(self, stream: openai.Stream[Chunk]) -> None:
        super().__init__()
        self._stream: openai.Stream[Chunk] = stream

    @property
    def meta(self) -> Meta:
        """What the headers say, which were there before the answer: its cost is not among it."""
        return meta(self._stream.response)

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._stream:
            yield self._note(chunk)
        self._check_end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


class AsyncReading(_Seen[Chunk]):
    """The same for asyncio."""

    def __init__(self, stream: openai.AsyncStream[Chunk]) -> None:
        super().__init__()
        self._stream: openai.AsyncStream[Chunk] = stream

    @property
    def meta(self) -> Meta:
        """What the headers say, which were there before the answer: its cost is not among it."""
        return meta(self._stream.response)

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        async for chunk in self._stream:
            yield self._note(chunk)
        self._check_end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stream.close()
