"""What answers are worth: metrics, files of answers, leaderboard submissions; knows no model and no run."""
