import torch
from searches import Known


def test_a_part_of_a_problem_has_its_own_clips_and_noise() -> None:
    problem = Known()
    part = problem.part(1, 2)
    assert torch.equal(part.waves, problem.waves[[1, 0]])
    assert list(part.seeds) == [1, 0]
    assert torch.equal(part.eps, problem.eps[[1, 0]])
    assert torch.equal(part.draws()(), problem.draws()()[[1, 0]])
