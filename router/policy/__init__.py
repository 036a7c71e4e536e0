"""
Reads a configuration and checks it: `load_policy(directory)` gives a policy, or everything that is wrong.

What a policy is stands in `router.domain.policy`; deciding by it in `router.domain.decision`.
"""

from __future__ import annotations

from router.policy.load import Loaded, load_policy, restore
from router.policy.problems import PolicyInvalid, Problem
from router.policy.version import canonical

__all__ = ["Loaded", "PolicyInvalid", "Problem", "canonical", "load_policy", "restore"]
