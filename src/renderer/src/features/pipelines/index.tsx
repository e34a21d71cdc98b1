export { PipelinesPage } from './pipelines-page'
