"""A checkpoint on a method of a class works as a method, on every engine."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from kitaru import KitaruClient, checkpoint, flow

pytestmark = pytest.mark.usefixtures("engine")


@dataclass
class Model:
    factor: int = 2

    @checkpoint
    def predict(self, x: int) -> int:
        """Multiply."""
        return self.factor * x

    @checkpoint(runtime="isolated")
    def predict_apart(self, x: int) -> int:
        return self.factor * x

    @checkpoint
    async def predict_later(self, x: int, *, id: str = "") -> str:
        return f"{id}{self.factor * x}"

    @classmethod
    @checkpoint
    def made(cls, factor: int) -> Model:
        return cls(factor)

    @staticmethod
    @checkpoint
    def plain(x: int) -> int:
        return x


@flow
def scoring() -> list[object]:
    model = Model.made(3)
    return [
        model.predict(4),
        Model.predict(Model(5), 4),
        model.predict.with_options(id="second", retries=1)(x=5),
        model.predict.submit(6).result(),
        model.predict.map([7, 8]).results(),
        Model.plain(9),
        model.predict_apart(10),
    ]


@flow
async def scoring_later() -> str:
    return await Model().predict_later(4, id="mine ")


def test_a_checkpoint_of_a_class_is_called_as_a_method(client: KitaruClient) -> None:
    handle = scoring.run()

    assert handle.wait() == [12, 20, 15, 18, [21, 24], 9, 30]
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [call.invocation_id for call in calls] == [
        "made",
        "predict",
        "predict_2",
        "second",
        "predict_3",
        "predict_4",
        "predict_5",
        "plain",
        "predict_apart",
    ]
    assert scoring_later.run().wait() == "mine 8"


def test_it_has_the_signature_of_a_method() -> None:
    model = Model()

    assert list(inspect.signature(model.predict).parameters) == ["x"]
    assert list(inspect.signature(Model.predict).parameters) == ["self", "x"]
    assert model.predict.fn(4) == 8
    assert Model.predict.fn(model, 4) == 8
    assert model.predict.__doc__ == "Multiply."
