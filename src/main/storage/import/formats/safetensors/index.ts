export { safetensorsReader } from './safetensors'
