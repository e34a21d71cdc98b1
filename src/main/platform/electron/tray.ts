import { app, Menu, nativeImage, Tray } from 'electron'
import { sayFrom } from '../../../shared/words/say'
import type { Event } from '../events'
import type { Logger } from '../logger'
import { trayTexts } from './tray-texts'

const ICON_PIXELS = process.platform === 'linux' ? 24 : 16
/** Jobs may change thousands of times a second; nobody reads faster. */
const UPDATE_MS = 1000

export interface TrayOptions {
  /** The path of a picture. */
  icon: string
  logger: Logger
  /** How many jobs run and wait now, and when that may be otherwise. */
  counts(): { running: number; queued: number }
  onDidChange: Event<unknown>
  onShow(): void
  onQuit(): void
}

/** Puts an icon in the bar of the system until the app quits. @returns false where there is no place for one */
export function openTray({ icon, logger, counts, onDidChange, onShow, onQuit }: TrayOptions): boolean {
  const say = sayFrom(trayTexts(app.getLocale()))
  let tray: Tray
  try {
    tray = new Tray(nativeImage.createFromPath(icon).resize({ width: ICON_PIXELS, height: ICON_PIXELS }))
  } catch (error) {
    logger.warn({ err: error }, 'There is no tray')
    return false
  }
  tray.on('click', onShow)

  let told = ''
  let timer: NodeJS.Timeout | null = null
  function tell(): void {
    timer = null
    const { running, queued } = counts()
    const state = say('state', {
      running: say('running', { count: running }),
      waiting: say('waiting', { count: queued }),
    })
    if (state === told) return
    told = state
    tray.setToolTip(state)
    // Anew each time: on Linux a menu that is set does not change any more.
    tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: state, enabled: false },
        { type: 'separator' },
        { label: say('show'), click: onShow },
        { label: say('quit'), click: onQuit },
      ]),
    )
  }
  tell()
  const unsubscribe = onDidChange(() => {
    timer ??= setTimeout(tell, UPDATE_MS)
  })
  app.once('before-quit', () => {
    unsubscribe()
    if (timer) clearTimeout(timer)
    tray.destroy()
  })
  return true
}
