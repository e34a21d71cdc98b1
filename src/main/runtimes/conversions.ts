import type { ModelFormat } from '../../shared/contract'

/** What makes a model run here whose format has no runtime; `docs/runtimes.md` has the same. */
export const CONVERSIONS: Partial<Record<ModelFormat, string>> = {
  savedmodel:
    'Install the native library of TensorFlow.js, or convert it: python -m tf2onnx.convert --saved-model DIR --output model.onnx',
  keras:
    'Convert it where Keras is: model.export(DIR), then python -m tf2onnx.convert --saved-model DIR --output model.onnx',
  'keras-h5':
    'Convert it where Keras is: model.export(DIR), then python -m tf2onnx.convert --saved-model DIR --output model.onnx',
  tflite:
    'Allow a plugin that runs it, or convert it: python -m tf2onnx.convert --tflite model.tflite --output model.onnx',
  pickle: 'Load it where it was made and save it with torch.jit.save or torch.onnx.export.',
}
