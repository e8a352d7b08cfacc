"""What a model's answers are worth: metrics, the files of answers, leaderboard submissions; knows no model and no run."""
