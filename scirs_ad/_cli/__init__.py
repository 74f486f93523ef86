"""The console command `scirs-ad`; `scirs_ad.__main__` is its door."""
