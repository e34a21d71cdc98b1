import type { Rectangle } from 'electron'

export interface WindowPlace {
  width: number
  height: number
  x?: number | undefined
  y?: number | undefined
  maximized?: boolean | undefined
}

/**
 * Where it can be seen: on screens that are no longer there it would open for nobody.
 * @param workAreas of the screens that are there
 * @returns without a position where none of them shows it, so that the system chooses one
 */
export function visiblePlace(place: WindowPlace, workAreas: readonly Rectangle[]): WindowPlace {
  const { x, y, ...rest } = place
  if (x === undefined || y === undefined) return rest
  const isSeen = workAreas.some(
    (area) =>
      x < area.x + area.width &&
      x + place.width > area.x &&
      y < area.y + area.height &&
      y + place.height > area.y,
  )
  return isSeen ? place : rest
}
