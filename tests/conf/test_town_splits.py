"""Towns of the wrong split are refused before anything starts."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from conf.errors import ConfigError
from conf.schema import EvaluateSchema, TrainSchema
from conf.validate import check_evaluate, check_train


@pytest.mark.parametrize("split", ["validation", "test"])
def test_training_refuses_towns_that_are_held_out(split: str) -> None:
    config = OmegaConf.structured(TrainSchema())
    config.policy.driver = "gemma"
    config.sim.town = f"Grid-{split}-0007"
    with pytest.raises(ConfigError, match="Grid-train-0007"):
        check_train(config)
    config.sim.town = f"/Game/Carla/Maps/Grid-{split}-0007_Opt"
    with pytest.raises(ConfigError, match="never trained on"):
        check_train(config)


def test_training_takes_towns_of_its_split_and_built_in_ones() -> None:
    config = OmegaConf.structured(TrainSchema())
    for town in ("Grid-train-0007", "Pilotage01", "Town03"):
        config.sim.town = town
        check_train(config)


def test_evaluation_refuses_training_towns_unless_it_is_told_to_take_them() -> None:
    config = OmegaConf.structured(EvaluateSchema())
    for town in ("Grid-test-0007", "Grid-validation-0007", "Pilotage01"):
        config.sim.town = town
        check_evaluate(config)
    config.sim.town = "Grid-train-0007"
    with pytest.raises(ConfigError, match="train_towns=true"):
        check_evaluate(config)
    config.evaluation.train_towns = True
    check_evaluate(config)
