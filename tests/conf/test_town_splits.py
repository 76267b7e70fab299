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


def test_pools_are_trained_on_and_evaluated_and_broken_ones_refused() -> None:
    train, evaluate = OmegaConf.structured(TrainSchema()), OmegaConf.structured(EvaluateSchema())
    train.policy.driver = "gemma"
    for town in ("Grid", "Grid+Rural", "Grid-train-0001+Grid-test-0001"):
        train.sim.town = evaluate.sim.town = town
        check_train(train)
        check_evaluate(evaluate)
    train.sim.town = "Grid-train-0001+Grid-train-0002"
    with pytest.raises(ConfigError, match="none of these towns is of the test split"):
        check_train(train)
    train.sim.town = "Grid+Pilotage01"
    with pytest.raises(ConfigError, match="'Pilotage01' belongs to no split"):
        check_train(train)


def test_validation_towns_are_evaluated_on_where_there_are_any() -> None:
    config = OmegaConf.structured(EvaluateSchema())
    config.evaluation.split = "validation"
    for town in ("Grid", "Grid-validation-0003"):
        config.sim.town = town
        check_evaluate(config)
    config.sim.town = "Pilotage01"
    with pytest.raises(ConfigError, match="no roads for validation"):
        check_evaluate(config)
    config.evaluation.split = "train"
    with pytest.raises(ConfigError, match="no generalisation"):
        check_evaluate(config)
