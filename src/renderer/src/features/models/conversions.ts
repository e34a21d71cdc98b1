import type { ModelFormat, ModelVersion, RuntimeView } from '@shared/contract'

/** Commands that make a model of some format one that runs here; the same as in docs/runtimes.md. */
export const CONVERSIONS: Partial<Record<ModelFormat, readonly string[]>> = {
  savedmodel: [
    'python -m tf2onnx.convert --saved-model DIR --output model.onnx',
    'tensorflowjs_converter --input_format tf_saved_model DIR OUT',
  ],
  keras: [
    `python -c "import keras; keras.models.load_model('model.keras').export('DIR')" && python -m tf2onnx.convert --saved-model DIR --output model.onnx`,
  ],
  'keras-h5': [
    `python -c "import keras; keras.models.load_model('model.h5').export('DIR')" && python -m tf2onnx.convert --saved-model DIR --output model.onnx`,
    'tensorflowjs_converter --input_format keras model.h5 OUT',
  ],
  tflite: ['python -m tf2onnx.convert --tflite model.tflite --output model.onnx'],
}

/** Formats whose weights need the graph of another version. */
export const BARE_FORMATS: readonly ModelFormat[] = ['torch-state', 'safetensors']

/** Whether a version can run on this machine, and what it lacks. */
export type Runnable =
  | { can: true }
  /** Bare weights that no graph is named for. */
  | { can: false; lacks: 'architecture' }
  /** A runtime that has this format, but does not work here. */
  | { can: false; lacks: 'runtime'; name: string; reason: string }
  /** Any runtime for the format. */
  | { can: false; lacks: 'format' }

export function runnableHere(
  version: Pick<ModelVersion, 'format' | 'architecture'>,
  runtimes: readonly Pick<RuntimeView, 'name' | 'available' | 'beingTried' | 'reason' | 'formats'>[],
): Runnable {
  const fitting = runtimes.filter(({ formats }) => formats.includes(version.format))
  // A job for one that is being tried is taken, and waits.
  if (fitting.some(({ available, beingTried }) => available || beingTried)) {
    const isBare = BARE_FORMATS.includes(version.format) && version.architecture === null
    return isBare ? { can: false, lacks: 'architecture' } : { can: true }
  }
  const [broken] = fitting
  if (!broken) return { can: false, lacks: 'format' }
  return { can: false, lacks: 'runtime', name: broken.name, reason: broken.reason ?? '' }
}
