export { onnxReader } from './onnx'
