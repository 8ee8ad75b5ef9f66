from __future__ import annotations

from harness import places

HERE = {"machine": "aaaa", "cpu": "Small", "cores": 2, "gpu": None, "torch": "2.13.0"}
THERE = HERE | {"machine": "bbbb", "cpu": "Large", "cores": 16, "torch": "2.12.0"}


def test_one_place_for_all_leaves_nothing_elsewhere() -> None:
    ran = {"plan": HERE, "train": HERE, "memory": HERE}
    found = places.environment(ran)
    assert (found["machine"], found["elsewhere"]) == ("aaaa", [])
    assert not places.apart(ran)


def test_the_place_is_that_of_measuring_and_others_are_named_once() -> None:
    third = HERE | {"torch": "2.11.0"}
    ran = {"plan": THERE, "train": third, "merge": THERE, "memory": HERE, "latency": HERE}
    found = places.environment(ran)
    assert (found["cpu"], found["torch"]) == ("Small", "2.13.0")
    assert found["elsewhere"] == [
        {"phases": ["plan", "merge"], **THERE},
        {"phases": ["train"], **third},
    ]


def test_without_measuring_it_is_the_place_of_training() -> None:
    assert places.environment({"plan": HERE, "train": THERE, "merge": HERE})["cpu"] == "Large"
    assert places.environment({"plan": HERE})["cpu"] == "Small"


def test_the_gpu_is_left_to_the_phases_which_know_the_one_in_use() -> None:
    assert "gpu" not in places.environment({"train": HERE})


def test_a_place_that_is_not_known_leaves_open_whether_there_is_another() -> None:
    assert places.environment({"train": None, "memory": HERE})["elsewhere"] is None
    assert places.environment({"train": None}) == {"elsewhere": None}


def test_only_what_runs_alone_has_to_run_in_one_place() -> None:
    assert not places.apart({"train": THERE, "memory": HERE, "latency": HERE})
    assert places.apart({"train": HERE, "memory": THERE, "latency": HERE})
    assert places.apart({"memory": None, "latency": HERE})


def test_places_differ_in_words_by_more_than_an_id_where_they_can() -> None:
    assert places.differences(THERE, HERE) == "cpu Large, cores 16, torch 2.12.0"
    twin = HERE | {"machine": "bbbb"}
    assert places.differences(twin, HERE) == "another machine of the same kind"
    assert places.differences(None, HERE) == "what was not recorded"
