"""How the notebooks are made and verified: build, exercises, quizzes, figures, doctor."""
