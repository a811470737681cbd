"""What people do about alarms: handling through the group's case, groups, silences, works announced beforehand."""
