import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'
import rulesEn from './rules/locales/en.json'
import rulesZh from './rules/locales/zh-CN.json'

const alarms: WebModule = {
  name: 'alarms',
  routes: [
    {
      path: '/alarms',
      name: 'alarms',
      component: () => import('./AlarmsPage.vue'),
      meta: { permission: 'alarms.alarm.read', title: 'alarms.nav' },
    },
    {
      path: '/alarms/:id(\\d+)',
      name: 'alarm',
      component: () => import('./detail/AlarmPage.vue'),
      meta: { permission: 'alarms.alarm.read', title: 'alarms.one' },
    },
    {
      path: '/alarms/rules/:id(\\d+|new)',
      name: 'alarm-rule',
      component: () => import('./rules/RulePage.vue'),
      meta: { permission: 'alarms.rule.read', title: 'alarms.tab.rules' },
    },
    {
      path: '/alarms/proposals/:id(\\d+)',
      name: 'alarm-proposal',
      component: () => import('./rules/ProposalPage.vue'),
      meta: { permission: 'alarms.rule.read', title: 'alarms.proposals' },
    },
  ],
  nav: [{ route: 'alarms', label: 'alarms.nav', permission: 'alarms.alarm.read', order: 30, group: 'main' }],
  // The texts of rules and linkage stand beside their forms.
  locales: { 'zh-CN': { ...zh, ...rulesZh }, en: { ...en, ...rulesEn } },
}
export default alarms
