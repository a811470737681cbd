import type { DeviceOut } from './types'

/** How a device stands, in the words of the list. */
export type DeviceState = 'disabled' | 'dead' | 'disconnected' | 'silent' | 'talking' | 'never'

/** Frames older than this are worth a look even on a slow device; the diagnosis judges by its points' periods. */
export const QUIET_MS = 180_000

export function newestFrame(device: Pick<DeviceOut, 'activity'>): number | null {
  return device.activity?.last_frame_at ?? null
}

/** What can be said of a device from its last activity alone; unknown is not green. */
export function deviceState(device: Pick<DeviceOut, 'enabled' | 'activity'>, now: number): DeviceState {
  if (!device.enabled) return 'disabled'
  const a = device.activity
  if (!a) return 'never'
  const last = a.last_frame_at ?? null
  if (a.died_at !== null && a.died_at !== undefined && (last === null || last <= a.died_at)) return 'dead'
  if (a.connected === false) return 'disconnected'
  if (last === null) return 'never'
  return now - last > QUIET_MS ? 'silent' : 'talking'
}

/** Sum of a counter by reason. */
export const sum = (counts: Record<string, number> | null | undefined): number =>
  Object.values(counts ?? {}).reduce((a, b) => a + b, 0)

/** Greatest first. */
export const ranked = (counts: Record<string, number> | null | undefined): [string, number][] =>
  Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1])
