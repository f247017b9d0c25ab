"""Making the rewriter's examples from clean searches, corpus and judgments."""
