"""What the WFF paper's tables say below themselves."""

OTHERS = "not tested: other patients"
CAPTION = (
    "Each cell: printed value; ours by patient on the held-out part with its 95 % interval by "
    "bootstrap over patients, Wilson's where every resample gives the same value. A patient is "
    "called by vote, as the paper calls him."
)
LAMBDAS = (
    "λ: weights of detector, sequence model and age, of which only the ratios count; the paper "
    "prints those of three rows. Ours are chosen once, for all three terms, on out-of-fold scores "
    "of the training part; the other rows leave terms of these out and are not chosen anew, so "
    "that age may weigh more beside one model than in the paper."
)
DOCTORS = (
    "Printed doctors judged the paper's patients, ours other ones: their numbers stand beside each "
    "other and are not tested. The framework's intervals are by bootstrap over patients, a "
    "reader's are Wilson's."
)
MADE_UP = (
    "No person read these images: the calls and times of our readers are drawn by chance at about "
    "the printed sensitivities and specificities, and show how such a table is made."
)
