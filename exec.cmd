@rem npm runs scripts that begin with exec, so that signals to npm reach them: cmd.exe has no such word, and looks here for it.
@%*
