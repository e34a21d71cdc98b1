export { ActivityPage } from './activity-page'
export { useDenialWords } from './use-denial-words'
