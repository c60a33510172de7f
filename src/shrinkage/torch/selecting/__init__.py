"""Features selected by a network: a path of strengths, from dense to sparse, and scikit-learn's manners around it."""
