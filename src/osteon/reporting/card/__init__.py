"""The model card: what a run can answer, what a person answered, what nobody has."""
