export { tfliteReader } from './tflite'
