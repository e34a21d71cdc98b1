import { Button, FileButton, NumberInput, SegmentedControl, Switch, Textarea, TextInput } from '@mantine/core'
import { DTYPE_BYTES, elementCount, type TensorSpec } from '@shared/domain/tensor'
import { IconFile } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '../../../lib/errors'
import { formatBytes } from '../../../lib/format'
import { type ChosenFile, tensorOf } from './build-inputs'
import { FILLERS, type FormChoice, type InputChoice, isScalar, resolveShape, shapeText } from './form-model'
import { InputProblem } from './input-problem'
import { problemText } from './problem-text'
import classes from './run-form.module.css'
import { SpecHead } from './spec-head'
import { MAX_TENSOR_FILE_BYTES, TENSOR_FILE_TYPES } from './tensor-file'

/** The shape an input will have, or what is wrong with what was typed or chosen; null before anything was. */
function useOutcome(spec: TensorSpec, form: FormChoice, file: ChosenFile | undefined) {
  const choice = form.inputs[spec.name]
  const { dimensions } = form
  return useMemo((): { shape: number[] | null; problem: InputProblem | null } => {
    const blank =
      choice === undefined ||
      (!isScalar(spec) && choice.filler === 'values' && choice.values.trim() === '') ||
      (!isScalar(spec) && choice.filler === 'file' && !file)
    if (blank) return { shape: null, problem: null }
    if (!isScalar(spec) && choice.filler !== 'values' && choice.filler !== 'file') {
      return { shape: resolveShape(spec, dimensions), problem: null }
    }
    try {
      return { shape: tensorOf(spec, choice, dimensions, file).shape, problem: null }
    } catch (error) {
      if (error instanceof InputProblem) return { shape: null, problem: error }
      throw error
    }
  }, [spec, choice, dimensions, file])
}

function ScalarField(props: { spec: TensorSpec; choice: InputChoice; onChange: (scalar: string) => void }) {
  const { t } = useTranslation('jobs')
  const { spec, choice, onChange } = props
  const label = t('run.value', { input: spec.name })
  if (spec.dtype === 'bool') {
    return (
      <Switch
        aria-label={label}
        label={choice.scalar === 'true' ? 'true' : 'false'}
        checked={choice.scalar === 'true'}
        onChange={(event) => onChange(String(event.currentTarget.checked))}
      />
    )
  }
  // An int64 has more digits than a number field keeps.
  if (spec.dtype === 'string' || spec.dtype === 'int64') {
    return (
      <TextInput
        aria-label={label}
        inputMode={spec.dtype === 'int64' ? 'numeric' : undefined}
        value={choice.scalar}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    )
  }
  return (
    <NumberInput
      aria-label={label}
      allowDecimal={spec.dtype.startsWith('float')}
      value={choice.scalar}
      onChange={(value) => onChange(String(value))}
    />
  )
}

/** One input of the model: what it wants, how it is filled, what it becomes or what is wrong. */
export function InputField(props: {
  spec: TensorSpec
  form: FormChoice
  file: ChosenFile | undefined
  onChange: (choice: InputChoice) => void
  onFile: (file: ChosenFile | undefined) => void
}) {
  const { t } = useTranslation('jobs')
  const { spec, form, file, onChange, onFile } = props
  const { shape, problem } = useOutcome(spec, form, file)
  const choice = form.inputs[spec.name]
  if (!choice) return null

  const read = async (chosen: File) => {
    if (chosen.size > MAX_TENSOR_FILE_BYTES) {
      // Only its size is looked at, so the bytes need not be read to say so.
      onFile({ name: chosen.name, bytes: new Uint8Array(MAX_TENSOR_FILE_BYTES + 1) })
      return
    }
    onFile({ name: chosen.name, bytes: new Uint8Array(await chosen.arrayBuffer()) })
  }
  const bytes = shape && spec.dtype !== 'string' ? elementCount(shape) * DTYPE_BYTES[spec.dtype] : null
  return (
    <fieldset className={classes['input']} aria-label={spec.name}>
      <SpecHead spec={spec}>
        {shape && shape.length > 0 && (
          <span className={classes['shapeNote']}>
            {spec.shape.some((size) => typeof size !== 'number') &&
              `${t('run.shapeIs', { shape: shapeText(shape) })} · `}
            {bytes !== null && formatBytes(bytes)}
          </span>
        )}
      </SpecHead>
      {isScalar(spec) ? (
        <ScalarField spec={spec} choice={choice} onChange={(scalar) => onChange({ ...choice, scalar })} />
      ) : (
        <SegmentedControl
          fullWidth
          aria-label={t('run.filler', { input: spec.name })}
          data={FILLERS.map((filler) => ({ value: filler, label: t(`run.fillers.${filler}`) }))}
          value={choice.filler}
          onChange={(filler) => onChange({ ...choice, filler })}
        />
      )}
      {!isScalar(spec) && choice.filler === 'values' && (
        <Textarea
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
          aria-label={t('run.values', { input: spec.name })}
          placeholder={t('run.valuesPlaceholder')}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 11 } }}
          value={choice.values}
          onChange={(event) => onChange({ ...choice, values: event.currentTarget.value })}
        />
      )}
      {!isScalar(spec) && choice.filler === 'file' && (
        <div className={classes['fileRow']}>
          <FileButton
            accept={TENSOR_FILE_TYPES.join(',')}
            onChange={(chosen) => {
              if (chosen) read(chosen).catch((error: unknown) => notifyError(error, t('run.readFailed')))
            }}
          >
            {(button) => (
              <Button
                {...button}
                variant="default"
                leftSection={<IconFile size={15} stroke={1.6} />}
                aria-label={t('run.chooseFileFor', { input: spec.name })}
              >
                {t('run.chooseFile')}
              </Button>
            )}
          </FileButton>
          <span className={file ? undefined : classes['note']} title={file?.name}>
            {file ? file.name : t('run.fileTypes')}
          </span>
        </div>
      )}
      {problem && (
        <div className={classes['problem']} role="alert">
          {problemText(t, problem)}
        </div>
      )}
    </fieldset>
  )
}
