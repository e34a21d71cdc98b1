const en = {
  state: 'LLMAgentOS: {{running}}, {{waiting}}',
  running_one: '{{count}} job running',
  running_other: '{{count}} jobs running',
  waiting_one: '{{count}} waiting',
  waiting_other: '{{count}} waiting',
  show: 'Show the window',
  quit: 'Quit',
}

const zh: Record<keyof typeof en, string> = {
  state: 'LLMAgentOS：{{running}}，{{waiting}}',
  running_one: '{{count}} 个任务运行中',
  running_other: '{{count}} 个任务运行中',
  waiting_one: '{{count}} 个等待中',
  waiting_other: '{{count}} 个等待中',
  show: '显示窗口',
  quit: '退出',
}

/** What the tray says, in the language of the system: it is there without a window, whose language is its own. */
export const trayTexts = (locale: string): Record<keyof typeof en, string> =>
  locale.startsWith('zh') ? zh : en
