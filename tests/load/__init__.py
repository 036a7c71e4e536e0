"""Load as it comes in life: a day's curve with bursts, and for hours; judged by the audit, with figures."""
