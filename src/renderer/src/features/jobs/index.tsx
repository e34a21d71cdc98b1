export { ModelLink } from './job-detail'
export { JobsPage } from './jobs-page'
export { RunForm, type RunFormProps } from './run-form/run-form'
