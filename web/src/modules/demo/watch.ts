/** Where to look while a scenario runs: pages by route name, in the order in which things show there. */
export interface Look {
  route: string
  query?: Record<string, string>
  /** Key of the words for it, under `demo.look.`. */
  label: string
}

const COMMAND: Look = { route: 'command', label: 'command' }
const MAP: Look = { route: 'map', label: 'map' }
const ALARMS: Look = { route: 'alarms', label: 'alarms' }
const GATEWAYS: Look = { route: 'gateways', label: 'gateways' }
const DEVICES: Look = { route: 'devices', label: 'devices' }
const STALE: Look = { route: 'points', query: { state: 'stale' }, label: 'stale' }

/** By scenario; a scenario made later leads to the one screen and the alarms. */
const LOOKS: Record<string, Look[]> = {
  'tank-leak': [COMMAND, MAP, ALARMS],
  'emission-exceedance': [COMMAND, ALARMS, { route: 'points', query: { kind: 'emission' }, label: 'emission' }],
  'dead-sensor': [STALE, DEVICES, ALARMS],
  'frozen-value': [{ route: 'forensics', label: 'findings' }, { route: 'points', query: { quality: 'suspect' }, label: 'suspect' }, ALARMS],
  'falsified-data': [{ route: 'forensics', label: 'findings' }, { route: 'points', query: { kind: 'emission' }, label: 'emission' }],
  'network-cut': [GATEWAYS, DEVICES, STALE],
  'alarm-flood': [ALARMS, COMMAND],
  'clock-jump': [GATEWAYS, DEVICES],
}
export const looksFor = (scenario: string): Look[] => LOOKS[scenario] ?? [COMMAND, ALARMS]

/** What is left of the back-history, in seconds; null where the rate does not say. */
export function secondsLeft(h: { sent: number; total: number; rows_per_s: number | null }): number | null {
  if (!h.rows_per_s || h.rows_per_s <= 0 || h.total <= h.sent) return null
  return (h.total - h.sent) / h.rows_per_s
}
