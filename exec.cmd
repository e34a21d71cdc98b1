@rem npm scripts say `exec node ...` so that signals reach Node, not a shell around it. Windows has no exec.
@%*
