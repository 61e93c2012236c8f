"""Figures: one specification of a chart, drawn by matplotlib and by plotly."""
