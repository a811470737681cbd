import { knows, t } from '@/i18n'

/** A protocol's proper name; unknown ones as they are. */
export const protocolName = (key: string): string => (knows(`gateways.protocol.${key}`) ? t(`gateways.protocol.${key}`) : key)
/** A deviation, error or counter as words where there are words for it. */
export const noteName = (key: string): string => (knows(`gateways.note.${key}`) ? t(`gateways.note.${key}`) : key.replaceAll('_', ' '))
export const limitName = (key: string): string => (knows(`gateways.limit.${key}`) ? t(`gateways.limit.${key}`) : key.replaceAll('_', ' '))
export const counterName = (key: string): string =>
  knows(`gateways.counter.${key}`) ? t(`gateways.counter.${key}`) : key.replaceAll('_', ' ')
