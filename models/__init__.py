"""The player: a policy that eliminates vertices, and its training by imitation and PPO."""
