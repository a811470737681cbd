import type { components } from '@/api/schema'

type S = components['schemas']
export type Item = S['ItemOut']
export type InboxCount = S['InboxCount']
export type DeliveryBrief = S['DeliveryBrief']
export type Wishes = S['PreferenceOut']
export type WishesIn = S['PreferenceIn']
export type PushBrowser = S['parksight__notifications__schemas__PushOut']
export type Channel = S['ChannelOut']
export type ChannelIn = S['ChannelIn']
export type ChannelPatch = S['ChannelPatch']
export type ChannelConfig = ChannelIn['config']
export type ChannelKind = ChannelConfig['kind']
export type TestResult = S['TestOut']
export type Delivery = S['DeliveryOut']
export type Attempt = S['AttemptOut']
export type Status = S['StatusOut']
export type Priority = 1 | 2 | 3 | 4

/** What the live topic says; a hint only, the inbox is the truth. */
export interface Hint {
  read?: boolean
  notice?: number
  kind?: string
  priority?: Priority
  title?: Record<string, string>
  page?: string | null
  again?: boolean
}

export const PRIORITIES: readonly Priority[] = [1, 2, 3, 4]
/** Channels that reach one person, in the order they are offered. */
export const PERSONAL = ['web_push', 'email', 'sms'] as const
export type Personal = (typeof PERSONAL)[number]
export const KINDS: readonly ChannelKind[] = ['email', 'sms', 'web_push', 'wecom', 'dingtalk', 'feishu', 'relay']
export const isPersonal = (kind: string): boolean => (PERSONAL as readonly string[]).includes(kind)
export const level = (priority: number): Priority => Math.min(4, Math.max(1, priority)) as Priority
