import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ModelName } from '../../../shared/domain/references'
import { displayText, storedPath, suggestName } from './name'

function nameOf(path: string, folder = 'downloads', gaveFolder = false): string {
  return suggestName({
    path,
    folder,
    gaveFolder,
    format: path.endsWith('.json') ? 'tfjs-graph' : 'onnx',
    title: null,
  })
}

describe('suggestName', () => {
  it.each([
    ['silero_vad_v5.onnx', 'silero-vad'],
    ['mnist_cnn.onnx', 'mnist-cnn'],
    ['resnet50-v1.5.onnx', 'resnet50'],
    ['mnist_cnn (1).onnx', 'mnist-cnn'],
    ['mnist_v2 (3).onnx', 'mnist'],
    ['ch_ppocr_mobile_v2.0_cls_infer.onnx', 'ch-ppocr-mobile-v2.0-cls-infer'],
    ['Modèle Été.onnx', 'modele-ete'],
    ['<img src=x onerror=alert(1)>.onnx', 'img-src-x-onerror-alert-1'],
    ['a\nb\u202Egnp.onnx', 'a-b-gnp'],
    ['....onnx', 'downloads'],
    ['模型.onnx', 'downloads'],
  ])('%j -> %s', (file, name) => {
    expect(nameOf(file)).toBe(name)
  })

  it('takes the folder where the file says nothing', () => {
    expect(nameOf('model.onnx', 'Whisper_Tiny_v3')).toBe('whisper-tiny')
    expect(nameOf('model.json', 'basic-pitch', true)).toBe('basic-pitch')
    expect(nameOf('model.json', 'basic-pitch')).toBe('basic-pitch')
    expect(nameOf('model.onnx', '模型')).toBe('model')
  })

  it('takes the folder of shards, or what they are shards of', () => {
    expect(nameOf('model-00001-of-00003.onnx', 'whisper')).toBe('whisper')
    expect(nameOf('whisper-00001-of-00003.onnx')).toBe('whisper')
    expect(nameOf('model.safetensors.index.json', 'bert', true)).toBe('bert')
    expect(nameOf('model.safetensors.index.json', 'bert')).toBe('bert')
  })

  it('is always a valid name', () => {
    return fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 400 }),
        fc.string({ unit: 'grapheme' }),
        (path, folder) => {
          expect(ModelName.safeParse(nameOf(path, folder)).success).toBe(true)
        },
      ),
    )
  })
})

describe('storedPath', () => {
  it('keeps plain names and replaces the others', () => {
    expect(storedPath('silero_vad_v5.onnx', 'onnx', 'silero-vad')).toBe('silero_vad_v5.onnx')
    expect(storedPath('a\nb.onnx', 'onnx', 'a-b')).toBe('a-b.onnx')
    expect(storedPath(`${'n'.repeat(245)}.onnx`, 'onnx', 'nnn')).toBe('nnn.onnx')
    expect(storedPath('web.json', 'tfjs-graph', 'web')).toBe('model.json')
  })
})

describe('displayText', () => {
  it('holds nothing that turns or breaks a line', () => {
    expect(displayText('a\nb\u202Ec\0')).toBe('a\uFFFDb\uFFFDc\uFFFD')
    expect(displayText('x'.repeat(300))).toHaveLength(255)
  })
})
