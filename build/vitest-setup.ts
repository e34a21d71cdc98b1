import { configureGlobal } from 'fast-check'

// The reports name only an error's message: without this, not what went wrong with the counterexample.
configureGlobal({ includeErrorInReport: true })
