import type { Locator } from '@playwright/test'

/** A rectangle as a canvas was told to fill it. */
export interface Drawn {
  x: number
  y: number
  width: number
  height: number
  alpha: number
  /** A colour, or `pattern`. */
  style: string
  /** Which of the patterns of the frame. */
  pattern: number
}

/**
 * What the next frame of the timeline fills for the bar of a job, in the order of drawing. Of pixels one could tell neither
 * where a part begins nor a pattern from what shines through it.
 * @param name the beginning of what is written on the bar
 */
export function barOf(chart: Locator, name: string): Promise<Drawn[]> {
  return chart.evaluate(async (element, begins) => {
    const context = element.querySelector('canvas')?.getContext('2d')
    if (!context) throw new Error('The chart has no canvas.')
    const filled: Drawn[] = []
    let parts: Drawn[] | null = null
    const texts: string[] = []
    const patterns: unknown[] = []
    context.fillRect = (x, y, width, height) => {
      const { fillStyle, globalAlpha: alpha } = context
      if (typeof fillStyle !== 'string' && !patterns.includes(fillStyle)) patterns.push(fillStyle)
      const style = typeof fillStyle === 'string' ? fillStyle : 'pattern'
      filled.push({ x, y, width, height, alpha, style, pattern: patterns.indexOf(fillStyle) })
      CanvasRenderingContext2D.prototype.fillRect.call(context, x, y, width, height)
    }
    context.fillText = (text, x, y) => {
      texts.push(text)
      // A bar begins with what the job waited, and ends with its name.
      const from = filled.findLastIndex(({ height }) => height === 6)
      if (text.startsWith(begins)) parts = filled.slice(Math.max(0, from))
      CanvasRenderingContext2D.prototype.fillText.call(context, text, x, y)
    }
    context.clearRect = (...area) => {
      for (const list of [filled, texts, patterns]) list.length = 0
      parts = null
      CanvasRenderingContext2D.prototype.clearRect.apply(context, area)
    }
    try {
      const until = performance.now() + 20_000
      while (performance.now() < until) {
        await new Promise(requestAnimationFrame)
        if (parts) return parts
      }
      throw new Error(`No bar says ${begins}, but ${texts.join(', ')}.`)
    } finally {
      for (const own of ['fillRect', 'fillText', 'clearRect']) Reflect.deleteProperty(context, own)
    }
  }, name)
}
