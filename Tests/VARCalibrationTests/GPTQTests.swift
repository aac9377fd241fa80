import Testing
import VARCalibration
