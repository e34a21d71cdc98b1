import { Button, NumberInput, Textarea } from '@mantine/core'
import type { Job, JobSpecInput } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { IconPlayerStop, IconSend } from '@tabler/icons-react'
import { type FormEvent, Fragment, type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { notifyError, toErrorView } from '../../../lib/errors'
import { pathTo, RouteLink } from '../../../lib/router'
import { codedWords, waitReason } from '../../../lib/words'
import { TextFigures, useJobTexts } from '../job-text'
import jobClasses from '../jobs.module.css'
import { useSubmittedJob } from '../use-job'
import classes from './chat-form.module.css'
import { ChatMore } from './chat-more'
import { NO_OPTIONS, specOf } from './chat-options'
import { GpuOptions } from './gpu-options'
import formClasses from './run-form.module.css'

/** What was asked, and the job that answers it. */
interface Turn {
  asked: string
  job: Job
}

type Message = NonNullable<Extract<JobSpecInput, { kind: 'generate' }>['messages']>[number]

interface ChatFormProps {
  /** What the job names: `name@version` or `name@alias`. */
  reference: string
  /** The model knows the form of a chat; else it goes on from a text. */
  chats: boolean
}

/** Talks with a language model, or has it go on from a text; what it writes appears as it is written. */
export function ChatForm({ reference, chats }: ChatFormProps) {
  const { t } = useTranslation('jobs')
  const [turns, setTurns] = useState<Turn[]>([])
  const input = useRef<HTMLTextAreaElement>(null)
  const answers = useRef(new Map<string, string>())
  const [system, setSystem] = useState('')
  const [draft, setDraft] = useState('')
  const [temperature, setTemperature] = useState<number | string>(0.8)
  const [maxTokens, setMaxTokens] = useState<number | string>(256)
  const [seed, setSeed] = useState<number | string>('')
  const [options, setOptions] = useState(NO_OPTIONS)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const last = useSubmittedJob(turns.at(-1)?.job ?? null)
  const running = last && !isTerminal(last.state) ? last : null

  function messages(): Message[] {
    const before = turns.flatMap(({ asked, job }): Message[] => [
      { role: 'user', content: asked },
      { role: 'assistant', content: answers.current.get(job.id) ?? '' },
    ])
    const first: Message[] = system.trim() === '' ? [] : [{ role: 'system', content: system }]
    return [...first, ...before, { role: 'user', content: draft }]
  }

  async function send(): Promise<void> {
    if (draft.trim() === '' || running || busy) return
    const spec: JobSpecInput = {
      kind: 'generate',
      model: reference,
      ...(chats ? { messages: messages() } : { prompt: draft }),
      ...(temperature === '' ? {} : { temperature: Number(temperature) }),
      ...(maxTokens === '' ? {} : { maxTokens: Number(maxTokens) }),
      ...(seed === '' ? {} : { seed: Number(seed) }),
      ...specOf(options),
      // Someone is waiting for it.
      priority: 70,
    }
    setBusy(true)
    setProblem(null)
    try {
      const turn = { asked: draft, job: await getClient().compute.jobs.submit(spec) }
      setTurns((before) => (chats ? [...before, turn] : [turn]))
      if (chats) setDraft('')
    } catch (error) {
      setProblem(toErrorView(error).message)
    } finally {
      setBusy(false)
    }
  }

  // The buttons take each other's place: one that is pressed would take the focus along.
  const goOnWriting = () => input.current?.focus()
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    goOnWriting()
    void send()
  }
  const stop = (job: Job) => {
    goOnWriting()
    getClient().compute.jobs.cancel({ id: job.id }).catch(notifyError)
  }
  const clear = () => {
    goOnWriting()
    setTurns([])
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    void send()
  }
  return (
    <form
      className={formClasses['form']}
      onSubmit={onSubmit}
      aria-label={t('run.formLabel', { model: reference })}
    >
      {turns.length > 0 && (
        <div className={classes['turns']} role="log" aria-label={t('chat.log')}>
          {turns.map(({ asked, job }) => (
            <Fragment key={job.id}>
              {chats && <div className={classes['asked']}>{asked}</div>}
              <Answer
                submitted={job}
                begin={chats ? '' : asked}
                goesOn={chats}
                onText={(text) => {
                  answers.current.set(job.id, text)
                }}
              />
            </Fragment>
          ))}
        </div>
      )}
      <Textarea
        ref={input}
        label={t(chats ? 'chat.message' : 'chat.prompt')}
        placeholder={t(chats ? 'chat.messagePlaceholder' : 'chat.promptPlaceholder')}
        description={t(chats ? 'chat.messageHelp' : 'chat.promptHelp')}
        autosize
        minRows={2}
        maxRows={10}
        value={draft}
        onChange={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div className={formClasses['fields']}>
        <NumberInput
          label={t('chat.temperature')}
          min={0}
          max={5}
          step={0.1}
          value={temperature}
          onChange={setTemperature}
        />
        <NumberInput
          label={t('chat.maxTokens')}
          min={1}
          max={131_072}
          allowDecimal={false}
          value={maxTokens}
          onChange={setMaxTokens}
        />
        <NumberInput
          label={t('run.seed')}
          placeholder={t('chat.seedAny')}
          min={0}
          max={4_294_967_295}
          allowDecimal={false}
          value={seed}
          onChange={setSeed}
        />
        <GpuOptions choice={options} change={(part) => setOptions((old) => ({ ...old, ...part }))} />
      </div>
      {chats && (
        <Textarea
          label={t('chat.system')}
          placeholder={t('run.namePlaceholder')}
          autosize
          maxRows={6}
          value={system}
          onChange={(event) => setSystem(event.currentTarget.value)}
        />
      )}
      <ChatMore options={options} onChange={setOptions} />
      {problem !== null && (
        <div className={formClasses['problem']} role="alert">
          {problem}
        </div>
      )}
      <div className={classes['buttons']}>
        {running ? (
          <Button
            variant="light"
            color="red"
            leftSection={<IconPlayerStop size={16} stroke={1.6} />}
            onClick={() => stop(running)}
          >
            {t('chat.stop')}
          </Button>
        ) : (
          <SubmitButton
            busy={busy}
            disabled={draft.trim() === ''}
            leftSection={<IconSend size={16} stroke={1.6} />}
          >
            {t(chats ? 'chat.send' : 'chat.continue')}
          </SubmitButton>
        )}
        {turns.length > 0 && !running && (
          <Button variant="default" onClick={clear}>
            {t('chat.clear')}
          </Button>
        )}
      </div>
    </form>
  )
}

/** An answer as it is written: why it waits, what there is of it, how fast it came, and how it ended. */
function Answer(props: {
  submitted: Job
  begin: string
  /** More may be asked after it: of several texts the first is the one that counts. */
  goesOn: boolean
  onText(text: string): void
}) {
  const { t } = useTranslation('jobs')
  const job = useSubmittedJob(props.submitted)
  const texts = useJobTexts(job.id)
  const first = texts[0] ?? ''
  const { onText } = props
  useEffect(() => {
    onText(first)
  }, [first, onText])
  const writes = !isTerminal(job.state)
  const waits = waitReason(job)
  return (
    <div className={classes['answer']} aria-busy={writes}>
      {(texts.length > 0 ? texts : ['']).map((text, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a text has nothing but its place
        <div key={index} className={classes['written']}>
          <span className={classes['begin']}>{props.begin}</span>
          {text}
          {writes && <span className={jobClasses['caret']} aria-hidden="true" />}
        </div>
      ))}
      {props.goesOn && texts.length > 1 && <div className={formClasses['note']}>{t('chat.goesOn')}</div>}
      {waits !== null && <div className={formClasses['note']}>{waits}</div>}
      {job.error && <div className={jobClasses['error']}>{codedWords(job.error)}</div>}
      {job.state === 'cancelled' && <div className={formClasses['note']}>{t('chat.stopped')}</div>}
      <div className={classes['foot']}>
        {job.state === 'succeeded' && <TextFigures job={job} />}
        <RouteLink to={pathTo('jobs', job.id)} className={jobClasses['link']}>
          {t('run.openJob')}
        </RouteLink>
      </div>
    </div>
  )
}
